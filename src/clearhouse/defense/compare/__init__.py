"""Tools side by side: paired differences, result cards, and what may be shared of them."""
