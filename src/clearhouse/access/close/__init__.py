"""Close: access ends at the instant, and both sides keep what happened."""
