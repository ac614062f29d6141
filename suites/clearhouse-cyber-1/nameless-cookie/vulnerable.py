"""A gateway that passes cookies on to an application."""

RESERVED = "__Host-"


def pairs(header):
    """Return the names and values of a cookie header."""
    found = []
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        found.append((name, value))
    return found


def pass_on(header, secure):
    """Return the header for the application, without reserved names from insecure pages."""
    kept = []
    for name, value in pairs(header):
        if name.startswith(RESERVED) and not secure:
            continue
        kept.append(f"{name}={value}" if name else value)
    return "; ".join(kept)


def user(header):
    """Return who the application takes the sender for."""
    return dict(pairs(header)).get("__Host-user", "guest")


def handle(request):
    """Answer `{"cookie": header, "secure": true or false}` with the user."""
    return {"user": user(pass_on(request["cookie"], request.get("secure", False)))}
