"""Numbers and all that is measured or counted in them: units, money, dates, times, ranges."""
