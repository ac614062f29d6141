import jinja2

page = jinja2.Environment(autoescape=True).from_string("<input {{ given | xmlattr }}>")
try:
    print(page.render(given={"autofocus onfocus": "run()"}))
except ValueError as error:
    print("refused:", type(error).__name__)
