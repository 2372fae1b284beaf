"""Who traded with whom: private flows decomposed into trades between sources and sinks."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

NOISE = 1e-9  # flows below this share of the largest are a solver's zeros


def decompose_flows(
    size: int, start: np.ndarray, end: np.ndarray, flow_mw: np.ndarray, loss_mw: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sent and delivered MW from each source to each sink, (size, size) twice, row source, column sink.

    Proportional sharing: what arrives at a node over all its lines mixes, and leaves (or is used there)
    in the same proportions. It is the only rule that treats all lines of a node alike. The sending end
    of a line gives flow + ½ loss, the receiving end gets flow − ½ loss; `sent` counts the energy at its
    source, `delivered` at its sink, so that rows of `sent` add up to each source's net outflow, columns of
    `delivered` to each sink's net inflow, and their difference is the loss of the private lines.

    Source: J. Bialek, Tracing the flow of electricity, IEE Proc. 143 (1996), with losses as gross flows.

    Parameters
    ----------
    size : number of nodes.
    start, end : (lines,) ends; flow_mw, loss_mw : (lines,) midpoint flow (start → end) and loss.
    """
    used = np.abs(flow_mw) > NOISE * np.abs(flow_mw).max(initial=0.0)
    forward = flow_mw[used] > 0
    origin = np.where(forward, start[used], end[used])
    target = np.where(forward, end[used], start[used])
    given = np.abs(flow_mw[used]) + 0.5 * loss_mw[used]
    arrived = np.abs(flow_mw[used]) - 0.5 * loss_mw[used]
    out = np.bincount(origin, given, minlength=size)
    into = np.bincount(target, arrived, minlength=size)
    own = np.maximum(out - into, 0.0)
    kept = np.maximum(into - out, 0.0)
    through = np.maximum(out, into)
    with np.errstate(divide="ignore", invalid="ignore"):
        leaving = np.where(through[origin] > 0, given / through[origin], 0.0)
        lasting = np.where(given > 0, arrived / given, 0.0)
        share_kept = np.where(through > 0, kept / through, 0.0)
    shape = (size, size)
    gross = sparse.csc_array((leaving, (target, origin)), shape=shape)
    net = sparse.csc_array((leaving * lasting, (target, origin)), shape=shape)
    eye = sparse.csc_array(sparse.eye_array(size))
    sources = np.flatnonzero(own > 0)
    sent, delivered = np.zeros(shape), np.zeros(shape)
    if len(sources):
        start_mw = np.zeros((size, len(sources)))
        start_mw[sources, np.arange(len(sources))] = own[sources]
        # energy of each source in each node's throughput, counted at the source and on the spot
        sent[sources] = (share_kept[:, None] * splu(eye - gross).solve(start_mw)).T
        delivered[sources] = (share_kept[:, None] * splu(eye - net).solve(start_mw)).T
    return sent, delivered
