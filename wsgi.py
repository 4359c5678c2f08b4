"""The WSGI application, for servers and for `flask --app wsgi`."""

import os
import sys

from app.factory import create_app
from config import Settings, SettingsError

try:
    app = create_app(Settings.from_env(os.environ))
except SettingsError as fault:
    sys.exit(str(fault))
