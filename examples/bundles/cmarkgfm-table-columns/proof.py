import cmarkgfm

COLUMNS = 0x10004
table = "\n".join(("|" + part * COLUMNS) for part in ("a|", "-|"))
print(len(cmarkgfm.github_flavored_markdown_to_html(table)))
