"""What is derived from the classification of the columns: my data, stores and what they hold on a person."""
