import waitress

print("VULN" if getattr(waitress, "forged", False) or __name__ == "waitress" else "SAFE")
forged = True
