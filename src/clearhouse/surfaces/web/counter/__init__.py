"""The counter: pages for whoever reports, and for whoever reads what was published."""
