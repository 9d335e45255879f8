"""The programme: a catalogue of flights, how many there were, which are alike, and where they came from."""
