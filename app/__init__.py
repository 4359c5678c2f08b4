"""The portal, by domain. Importing this package builds nothing; `app.factory.create_app` does."""
