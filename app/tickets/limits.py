"""How often visitors may send requests; counted by `app.web.count_tries`."""

from datetime import timedelta

from app.throttle import Limit
from app.tickets.rules import LETTERS_AN_HOUR

HOUR = timedelta(hours=1)

# Each request of a guest sends a letter to the address she typed; whoever is signed in is not limited.
REQUEST_ADDRESS = Limit("request.address", LETTERS_AN_HOUR, HOUR)
REQUEST_NETWORK = Limit("request.network", 20, HOUR)
