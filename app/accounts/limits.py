"""How often people may try at the doors to accounts; counted by `app.web.count_tries`."""

from datetime import timedelta

from app.throttle import Limit

QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)

SIGN_IN_ACCOUNT = Limit("sign-in.account", 10, QUARTER)
SIGN_IN_NETWORK = Limit("sign-in.network", 30, QUARTER)
LETTER_ADDRESS = Limit("account-letter.address", 3, HOUR)
LETTER_NETWORK = Limit("account-letter.network", 20, HOUR)
INVITATION_ORGANISATION = Limit("invitation.organisation", 20, HOUR)
