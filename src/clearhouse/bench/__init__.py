"""Running what strangers sent, and measuring it: shared by validate, criteria and defense."""
