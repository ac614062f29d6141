"""Proves later who held what at which time, without telling it before."""
