"""The agents' entrance: the Model Context Protocol, as tools over the same operations.

At the counter (`http`) it may do what the counter may: its database role reads no case. As a
process on the agent's own side (`own_side`) it keeps there what should not travel.
"""
