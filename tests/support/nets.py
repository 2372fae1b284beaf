"""Small pandapower nets."""

import pandapower as pp


def line_of_two(limit=True):
    """Two buses, an external grid on the first and a load on the second."""
    net = pp.create_empty_network()
    a, b = pp.create_bus(net, 110.0), pp.create_bus(net, 110.0, geodata=(4.0, 5.0))
    pp.create_line(net, a, b, 10, "149-AL1/24-ST1A 110.0", **({"max_loading_percent": 50} if limit else {}))
    pp.create_ext_grid(net, a, min_p_mw=0, max_p_mw=100)
    pp.create_load(net, b, 30, controllable=False)
    pp.create_poly_cost(net, 0, "ext_grid", cp1_eur_per_mw=10)
    return net
