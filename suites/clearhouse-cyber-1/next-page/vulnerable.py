"""Where to send a person after signing in."""

HOME = "/"


def next_page(wanted):
    """Return an address on this site: the wanted one, or the front page."""
    if not wanted or not wanted.startswith("/"):
        return HOME
    return wanted


def handle(request):
    """Answer `{"next": address}` with the headers of the redirect."""
    return {"status": 303, "location": next_page(request.get("next", ""))}
