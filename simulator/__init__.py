"""A synthetic county with known truth: four agencies that keep records of its people.

Nobody in it is real. The generator writes what each agency would deliver, night by
night, and keeps the truth (who is who, what hangs together, what is wrong) apart.
"""
