from pygments.lexers import SMLLexer

print(len(list(SMLLexer().get_tokens("exception"))))
