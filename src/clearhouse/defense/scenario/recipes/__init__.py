"""Make packs of public recordings that a user fetched. None of them is shipped."""
