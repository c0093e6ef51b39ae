"""The same shop in four buildings: on Sangga, on its peers, and in plain Django with a single schema."""
