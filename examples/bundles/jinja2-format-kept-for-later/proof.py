from jinja2.sandbox import SandboxedEnvironment, SecurityError


def call_it(holder, argument):
    return holder.kept(argument)


environment = SandboxedEnvironment()
environment.filters["call_it"] = call_it
text = (
    "{% set box = namespace() %}{% set box.kept = '{0.__class__.__name__}'.format %}"
    "{{ box | call_it(something) }}"
)
try:
    print(environment.from_string(text).render(something=len))
except SecurityError:
    print("refused")
