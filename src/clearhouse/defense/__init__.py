"""Does this tool help to defend this network? enroll → exercise → compare.

Tool → Exercise → Comparison, over scenarios whose truth is known and was audited first.
"""
