"""The closed form of csrc/exact.h for one pixel and node, in NumPy (docs/averages.md).

Unknowns, in units of their widths: three of the rotation (twice the vector part of its
quaternion), energy, horizontal and vertical divergence, and the spindle.
"""

from __future__ import annotations

import math

import numpy as np

ITER = 6
EPSILON = np.array([np.cross(np.eye(3), e) for e in np.eye(3)])


def mean_square(real, metric, node, diffracted, incident, wavelength, across, spindle, widths):
    """Mean of exp(-2 rho/0.63) of one node in one direction."""
    B = real.T @ (np.asarray(metric) * 4 / 0.63) @ real  # |p - G|**2: twice the exponent
    G = np.linalg.solve(real, node)
    eta = np.broadcast_to(widths.mosaic, 3)
    scale = np.array([*eta, widths.energy, widths.h, widths.v])
    frame = widths.frame
    n = 7 if frame > 0 else 6
    z, phi = np.zeros(6), 0.5 * frame
    H = grad = None
    for iteration in range(ITER):
        s, e, dh, dv = z[:3] * eta, z[3] * widths.energy, z[4] * widths.h, z[5] * widths.v
        slope = 1 / math.sqrt(1 + dh * dh + dv * dv)
        ray = incident + dh * across[0] + dv * across[1]
        back = lambda x: turn(spindle, -phi, x)
        v = back(diffracted - ray * slope) / wavelength
        v_h, v_v = (
            back(-(a * slope - ray * d * slope**3)) / wavelength for a, d in zip(across, (dh, dv))
        )
        c = math.sqrt(1 - s @ s / 4)
        R = lambda x: x - c * np.cross(s, x) + 0.5 * np.cross(s, np.cross(s, x))
        p = (1 + e) * R(v)
        k = -np.cross(spindle, v)
        y = B @ (p - G)
        P = np.zeros((7, 3))
        for i in range(3):
            unit = np.eye(3)[i]
            P[i] = (1 + e) * (
                -c * np.cross(unit, v)
                + s[i] / (4 * c) * np.cross(s, v)
                + 0.5 * (unit * (s @ v) + s * v[i] - 2 * v * s[i])
            )

        def rows(v):
            return np.array(
                [
                    -c * np.cross(u, v)
                    + s[i] / (4 * c) * np.cross(s, v)
                    + 0.5 * (u * (s @ v) + s * v[i] - 2 * v * s[i])
                    for i, u in enumerate(np.eye(3))
                ]
            )

        P[:3] = (1 + e) * rows(v)
        P[3] = R(v)
        P[4], P[5], P[6] = ((1 + e) * R(x) for x in (v_h, v_v, k))
        Q = np.zeros((7, 7))
        t = np.cross(v, y)
        st = s @ t
        Q[:3, :3] = (1 + e) * (
            (np.outer(s, t) + np.outer(t, s)) / (4 * c)
            + (np.eye(3) / (4 * c) + np.outer(s, s) / (16 * c**3)) * st
            + 0.5 * (np.outer(y, v) + np.outer(v, y))
            - np.eye(3) * (y @ v)
        )
        Q[:3, 3] = rows(v) @ y
        for at, x in ((4, v_h), (5, v_v), (6, k)):
            Q[:3, at] = (1 + e) * rows(x) @ y
            Q[3, at] = R(x) @ y
        # y . R x = (R^-1 y) . x
        Rm = np.array([R(x) for x in np.eye(3)])  # row i: R e_i
        Y = (1 + e) * (Rm @ y)
        i_back = back(ray * slope) / wavelength
        hv = lambda a, b, da, db: None
        # second derivatives of -ray/|ray|
        D = (dh, dv)
        for a in range(2):
            for b in range(2):
                second = -(
                    -(slope**3) * (across[a] * D[b] + across[b] * D[a])
                    - ray * ((a == b) * slope**3 - 3 * slope**5 * D[a] * D[b])
                )
                Q[4 + a, 4 + b] = Y @ (back(second) / wavelength)
        for at, x in ((4, v_h), (5, v_v)):
            Q[at, 6] = Y @ -np.cross(spindle, x)
        Q[6, 6] = Y @ np.cross(spindle, np.cross(spindle, v))
        Q = np.triu(Q) + np.triu(Q, 1).T
        # prior
        w2 = s @ s
        w = 2 * math.asin(math.sqrt(w2) / 2)
        full = np.append(scale, 1.0)
        P, Qs = P * full[:, None], Q * np.outer(full, full)
        prior_grad = np.append(z, 0.0)
        prior_H = np.diag([1.0] * 6 + [0.0])
        # angle squared = s2 (1 + s2/12 + s2^2/90 + ...): w = s k(s2)
        K = 1 + w2 / 24 + 3 * w2**2 / 640 + 5 * w2**3 / 7168
        K1 = 1 / 24 + 6 * w2 / 640 + 15 * w2**2 / 7168
        K2 = 6 / 640 + 30 * w2 / 7168
        zz = z[:3] @ z[:3]
        # f = K^2 zz/2 ; d/dz_i = K^2 z_i + 2 K K1 eta s_i zz
        gs = eta * s
        KK, KK1 = K * K, 2 * K * K1
        KK2 = 2 * K1 * K1 + 2 * K * K2
        prior_grad[:3] = KK * z[:3] + KK1 * gs * zz
        prior_H[:3, :3] = (
            KK * np.eye(3)
            + 2 * KK1 * (np.outer(z[:3], gs) + np.outer(gs, z[:3]))
            + zz * (KK1 * np.diag(eta**2) + 2 * KK2 * np.outer(gs, gs))
        )
        J = K**3 * (1 + 2 * w2 * K1 / K)
        g = 0.5 * (p - G) @ y + 0.5 * KK * zz + 0.5 * (z[3:] @ z[3:]) - math.log(J)
        # ln J: minus J' ~ derivative of 3 ln K + ln(1 + 2 w2 K1/K) ~ w2 (1/8 + 1/12)
        A = 3 * K1 / K + (2 * K1 / K + 2 * w2 * (K2 / K - K1 * K1 / (K * K))) / (
            1 + 2 * w2 * K1 / K
        )
        grad = P @ y + prior_grad
        grad[:3] -= 2 * A * gs
        H = P @ B @ P.T + prior_H
        exact = H + Qs
        exact[:3, :3] -= 2 * A * np.diag(eta**2)
        H = H if iteration == 0 else exact
        if iteration == ITER - 1:
            break
        step = np.linalg.solve(H[:n, :n], grad[:n])
        z -= step[:6]
        if n == 7:
            phi = phi - step[6]
            if iteration == 4:
                pass
    H = H[:n, :n]
    S = np.linalg.inv(H)[:3, :3]
    A = eta**2
    g += ((A @ np.diag(S)) * np.trace(S) + 2 * np.sum((A[:, None] * S) * S)) / 24
    if n == 6:
        return math.exp(-g) / math.sqrt(np.linalg.det(H))
    det = np.linalg.det(H)
    det6 = np.linalg.det(H[:6, :6])
    f2 = det / det6
    lo, hi = (math.sqrt(f2 / 2) * (x - phi) for x in (0.0, frame))
    return (
        math.exp(-g)
        / math.sqrt(det6)
        * math.sqrt(math.pi / 2 / f2)
        * (math.erf(hi) - math.erf(lo))
        / frame
    )


def turn(axis, angle, x):
    return (
        x * math.cos(angle)
        + np.cross(axis, x) * math.sin(angle)
        + axis * (axis @ x) * (1 - math.cos(angle))
    )
