"""Watch: which advisories concern an inventory, decided on the operator's own machine."""
