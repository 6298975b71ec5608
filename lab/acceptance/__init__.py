# SPDX-License-Identifier: GPL-3.0-or-later
"""What a FloofOS router does with BGP routes, as tables (*.rows), and the laboratory that judges them on the wire."""
