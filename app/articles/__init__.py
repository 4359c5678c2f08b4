"""The help centre: categories, articles and their revisions, votes, glossary."""
