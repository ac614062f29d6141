from jinja2.sandbox import SandboxedEnvironment, SecurityError

text = """{{ ("{0.__class__}" | attr("format"))(callable_thing) }}"""
try:
    print(SandboxedEnvironment().from_string(text).render(callable_thing=len))
except SecurityError:
    print("refused")
