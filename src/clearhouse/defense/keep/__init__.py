"""Results at the desk: cards that organisations hand in, and what is pooled of them."""
