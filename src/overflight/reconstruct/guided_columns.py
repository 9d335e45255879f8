"""Columns of the tables that the guided filter's kernels share.

A particle has numbers drawn once (`static`), a height and what it remembers of it (`own`), and a Gaussian.
The columns of the Gaussian are x, y, e_u, e_v, then f_u, f_v where the wind error has a fast part, then p_x,
p_y where the flight has a velocity of its own, and last the second pole of the error, where it may be smooth:
a particle whose error is rough does without the last two.
"""

# Codes of `models.HORIZONTAL` and `models.VERTICAL`, and the phases of a flight.
WIND, PROPELLED, FREE = 0, 1, 2
HOLD, DAYNIGHT, LEAK, CONTROL = 0, 1, 2, 3
ASCENT, AFLOAT, DESCENT, LANDED = 0, 1, 2, 3

# What moves a level: the sun, the time that a leak has had, or a sunset until ballast has made up for it.
BY_SUN, BY_LEAK, BY_SUNSET = 0, 1, 2
# Columns of `static`: what a particle draws once. By which of these its level moves, and by how much as the
# mean and spread that are believed before the heights have told of it (the second number, beside the level).
# `COURSE` is zero, or for who holds courses over the ground the share of the wind across that he lets pass.
(
    FACTOR,
    ERROR_S,
    COMMAND_S,
    AIRSPEED,
    LEG_S,
    ON_SHARE,
    SPEED,
    MEMORY_S,
    STRAY,
    BURSTS,
    RISES,
    SMOOTH,
    START,
    MOVED_BY,
    SECOND_MEAN,
    SECOND_SD,
    WANDER,
    RECOVERY_S,
    MIXING,
    RISE_SHARE,
    DUSK_DEG,
    COURSE,
    HEIGHT_SCALE,
) = range(23)
STATIC = 23
# Columns of `conf`: what all particles share. Kilometres and seconds.
(
    C_FAST_SHARE, C_FAST_S, C_WANDER_S, C_LEVEL, C_LEVEL_SD, C_LOW, C_HIGH,
    C_CLIMB_LOW, C_CLIMB_HIGH, C_UP, C_UP_SD, C_DOWN, C_DOWN_SD, C_UP_LEAST, C_DOWN_LEAST, C_FLOAT_LOW,
    C_FLOAT_HIGH, C_BURST_LOW, C_BURST_HIGH, C_START_SD, C_WIDE,
) = range(21)  # fmt: skip
# Places in `ints`.
I_HORIZONTAL, I_VERTICAL, I_ASCENT, I_DESCENT, I_DIM, I_FAST, I_PUSH, I_POLE = range(8)
# Columns of `own`: the height's state, with how far the last step changed it but for its wander, how much of
# day ballast has made up for, how much was spent on that in all, how far it is day, and the last wind met
# with what the error does there. For a course that is held over the ground: the wind at its beginning, the
# last wind as it blew, and where the course leads, an angle on the ground from the frame's x (its stretch
# taken off), NaN where a place is kept.
(
    Z, RAMP, COMMAND, CLIMB, LEVEL, SECOND, V_LL, V_LS, V_SS, DRIVE, RATE, RATE_VAR, PHASE, SINCE, WX, WY,
    G00, G01, G10, G11, ON, SHIFT, MADE_UP, SPENT, DAY, BEGAN_X, BEGAN_Y, BLEW_X, BLEW_Y, HEADS,
) = range(30)  # fmt: skip
OWN = 30
# Columns of a row of fixes.
(
    F_X, F_Y, F_XX, F_XY, F_YY, F_TIME_SD, F_ALT, F_ALT_SD, F_AFAR, F_SLIP, F_MISTAKEN, F_ALT_WRONG,
    F_STRETCH, F_LOG_STRETCH, F_WHEN,
) = range(15)  # fmt: skip
FIX = 15
# What is kept of every step: height, command, the place about which it was linearised, the part of the step
# in which the height changed, and how far it changed but for its wander (`SHIFT`), and of a course its
# heading and the wind at its beginning; the flag is 4 x phase + what happened to the leg.
H_Z, H_COMMAND, H_X, H_Y, H_BEGIN, H_END, H_SHIFT, H_HEADS, H_BEGAN_X, H_BEGAN_Y = range(10)
HISTORY = 10
LEG_KEPT, LEG_NEW, LEG_OFF = 0, 1, 2
# Who holds courses over the ground keeps a place for so many of them, to within this speed (km/s). The
# airspeed that a course begins with is that of his engine, of which this is the share of an axis.
STATION_SHARE, STATION_SD = 0.25, 0.3e-3
COURSE_AXIS = 0.7071067811865476
# Moments of the predicted place: weight, x, y, xx, xy, yy.
MOMENTS = 6
# A smooth error is the difference of two Ornstein-Uhlenbeck processes driven by one noise, which leaves it a
# derivative: Matérn 3/2 but for its double pole pulled apart, by 30 % to either side. Rates a memory (it has
# the correlation 1/e), their correlation, and weights that make the variance one.
POLE_1, POLE_2 = 1.6303289875870552, 3.0277538340902455
POLES = 0.9539392014169455
WEIGHT_1, WEIGHT_2 = 2.68741924943285, -1.972026594366539
