// Test only: pair styles with the names and the refusals of pair_style mace (ML-MACE), symmetrix/mace and mliap, but
// without forces, so that decks and includes are parsed where none of the three is built. Symmetrix's looks into its file
// for what the real one reads there.
// SPDX-License-Identifier: GPL-2.0-or-later

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "lammps.h"
#include "memory.h"
#include "neighbor.h"
#include "pair.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

using namespace LAMMPS_NS;

namespace {

class StandIn : public Pair {
 public:
  StandIn(LAMMPS *lmp) : Pair(lmp) { one_coeff = 1; manybody_flag = 1; restartinfo = 0; }
  ~StandIn() override
  {
    if (!allocated) return;
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }
  void compute(int eflag, int vflag) override { ev_init(eflag, vflag); }
  double init_one(int, int) override { return 4.0; }

 protected:
  void one_element_a_type(int narg, char **arg, int before)
  {
    if (narg - before != atom->ntypes || std::strcmp(arg[0], "*") != 0 || std::strcmp(arg[1], "*") != 0)
      error->all(FLERR, "stand-in: wrong arguments of pair_coeff");
    allocated = 1;
    const int n = atom->ntypes + 1;
    memory->create(setflag, n, n, "pair:setflag");
    memory->create(cutsq, n, n, "pair:cutsq");
    for (int i = 1; i < n; ++i)
      for (int j = 1; j < n; ++j) setflag[i][j] = 1;
  }
  void refuse(bool wrong, const char *words)
  {
    if (wrong) error->all(FLERR, "stand-in: {}", words);
  }
};

class Mace : public StandIn {
 public:
  // As ML-MACE's style leaves it: LAMMPS then writes its name into restart files, and makes it anew when it reads them.
  Mace(LAMMPS *lmp) : StandIn(lmp) { restartinfo = 1; }
  void settings(int narg, char **arg) override
  {
    refuse(narg > 1 || (narg == 1 && std::strcmp(arg[0], "no_domain_decomposition") != 0), "wrong arguments");
  }
  void coeff(int narg, char **arg) override { one_element_a_type(narg, arg, 3); }
  void init_style() override
  {
    refuse(force->newton_pair == 0, "newton pair on is required");
    refuse(atom->map_style == Atom::MAP_NONE, "an atom map is required");
    neighbor->add_request(this, NeighConst::REQ_FULL);
  }
};

class Symmetrix : public StandIn {
  using StandIn::StandIn;
  void settings(int narg, char **arg) override
  {
    const std::string mode = narg == 1 ? arg[0] : "";
    refuse(narg > 1 || (narg == 1 && mode != "no_domain_decomposition" && mode != "mpi_message_passing"), "mode");
    refuse(mode == "no_domain_decomposition" && comm->nprocs != 1, "one process only");
  }
  void coeff(int narg, char **arg) override
  {
    one_element_a_type(narg, arg, 3);
    std::ifstream file(arg[2]);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    refuse(text.find("\"radial_spline_values_0\"") == std::string::npos ||
               text.find("\"radial_spline_derivs_0\"") == std::string::npos,
           "json type_error 302: type must be array, but is null: the file holds no splines");
  }
  void init_style() override
  {
    refuse(atom->map_user != Atom::MAP_YES, "atom_modify map yes is required, and no other word than yes");
    refuse(force->newton_pair == 0, "newton pair on is required");
    neighbor->add_request(this, NeighConst::REQ_FULL | NeighConst::REQ_GHOST);
  }
};

class Mliap : public StandIn {
  using StandIn::StandIn;
  void settings(int narg, char **arg) override
  {
    refuse(narg != 3 || std::strcmp(arg[0], "unified") != 0 || std::strcmp(arg[2], "0") != 0, "wrong arguments");
  }
  void coeff(int narg, char **arg) override { one_element_a_type(narg, arg, 2); }
  void init_style() override
  {
    refuse(force->newton_pair == 0, "newton pair on is required");
    neighbor->add_request(this, NeighConst::REQ_FULL);
  }
};

struct Plugin {
  const char *version, *style, *name, *info, *author;
  void *creator;
  void *handle;
};

template <class Style> Pair *create(LAMMPS *lmp) { return new Style(lmp); }

}    // namespace

extern "C" void lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  const char *const version = static_cast<LAMMPS *>(lmp)->version;
  const auto add = [&](const char *name, Pair *(*creator)(LAMMPS *)) {
    Plugin plugin{version, "pair", name, "a stand-in", "tests", reinterpret_cast<void *>(creator), handle};
    reinterpret_cast<void (*)(Plugin *, void *)>(regfunc)(&plugin, lmp);
  };
  add("mace", &create<Mace>);
  add("symmetrix/mace", &create<Symmetrix>);
  add("mliap", &create<Mliap>);
}
