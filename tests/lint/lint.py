print("lint: no rules yet")
