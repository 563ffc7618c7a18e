"""The pages of the patient (`patient`), the practitioner (`desk`) and the manager (`manager`)."""
