"""What comes back from the surface: direction, energies, rotation and vibration of all that left it, in free flight.

`free_flight` (the numbers of one stretch of flight), `departures` (which particles left, and the frames in which they
were free), `onlooker` (the same while frames go by), `diatomic` (potential curve and quantum numbers), `scattered`
(the rows of the table), `means` (over many shots, with intervals).
"""
