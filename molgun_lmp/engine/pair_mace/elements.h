// Chemical symbols in the order of the atomic numbers.
// SPDX-License-Identifier: GPL-2.0-or-later

#ifndef MOLGUN_ELEMENTS_H
#define MOLGUN_ELEMENTS_H

#include <array>
#include <cstdint>
#include <string>

namespace molgun {

inline constexpr std::array<const char *, 119> SYMBOLS = {
    "X",  "H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al", "Si", "P",  "S",
    "Cl", "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As",
    "Se", "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn",
    "Sb", "Te", "I",  "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho",
    "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W",  "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po",
    "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md",
    "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};

// 0 for what is no chemical symbol.
inline int64_t atomic_number(const std::string &symbol)
{
  for (std::size_t z = 1; z < SYMBOLS.size(); ++z)
    if (symbol == SYMBOLS[z]) return static_cast<int64_t>(z);
  return 0;
}

}    // namespace molgun

#endif
