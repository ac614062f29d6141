"""Who of the house reads every case: the machinery, and the coordinators on duty."""

ON_DUTY = "role:coordinator_on_duty"
HOUSE_READERS = ("role:clearing", ON_DUTY)
