"""Define: a criterion as data, with every threshold, gate and source."""
