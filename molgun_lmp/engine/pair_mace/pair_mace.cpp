// SPDX-License-Identifier: GPL-2.0-or-later

#include "pair_mace.h"

#include "elements.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>
#include <unordered_map>

using namespace LAMMPS_NS;

namespace molgun {

PairMace::PairMace(LAMMPS *lmp) : Pair(lmp)
{
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  no_virial_fdotr_compute = 1;    // ghosts carry no forces here, so the sum over r.f would be wrong
  centroidstressflag = CENTROID_NOTAVAIL;
}

PairMace::~PairMace()
{
  if (!allocated) return;
  memory->destroy(setflag);
  memory->destroy(cutsq);
  memory->destroy(cutghost);
}

void PairMace::settings(int narg, char **arg)
{
  split_ = true;
  threads_ = 0;
  device_ = "auto";
  for (int i = 0; i < narg; ++i) {
    if (std::strcmp(arg[i], "no_domain_decomposition") == 0) {
      split_ = false;
    } else if (std::strcmp(arg[i], "threads") == 0 && i + 1 < narg) {
      threads_ = utils::inumeric(FLERR, arg[++i], false, lmp);
      if (threads_ < 1) error->all(FLERR, "pair_style mace: `threads` must be at least 1, not {}", threads_);
    } else if (std::strcmp(arg[i], "device") == 0 && i + 1 < narg) {
      device_ = arg[++i];
      const bool numbered = device_.rfind("cuda:", 0) == 0 && device_.size() > 5 && device_.size() < 8 &&
          device_.find_first_not_of("0123456789", 5) == std::string::npos;
      if (device_ != "auto" && device_ != "cpu" && device_ != "cuda" && !numbered)
        error->all(FLERR, "pair_style mace: the device is cpu, cuda, cuda:N or auto, not `{}`", device_);
    } else {
      error->all(FLERR,
                 "pair_style mace does not know `{}`: it takes no_domain_decomposition, `threads N` and `device NAME`",
                 arg[i]);
    }
  }
  if (!split_ && comm->nprocs > 1)
    error->all(FLERR,
               "pair_style mace no_domain_decomposition runs on one rank, and here are {}. Start LAMMPS without "
               "mpirun, or leave the word out: then the structure is split over the ranks",
               comm->nprocs);
  ghostneigh = split_ ? 1 : 0;
}

void PairMace::coeff(int narg, char **arg)
{
  const int ntypes = atom->ntypes;
  if (narg < 3 || std::strcmp(arg[0], "*") != 0 || std::strcmp(arg[1], "*") != 0)
    error->all(FLERR, "pair_coeff for pair_style mace reads: pair_coeff * * MODEL.pt ELEMENT [ELEMENT ...]");
  if (narg - 3 != ntypes)
    error->all(FLERR,
               "pair_coeff names {} element(s) for {} atom type(s). Name one element for each atom type, in the order "
               "of the types",
               narg - 3, ntypes);

  try {
    model_ = MaceModel::load(arg[2], device_.c_str());
  } catch (const std::exception &problem) {
    error->all(FLERR, "pair_style mace: {}", problem.what());
  }

  std::string known;
  const std::vector<int64_t> &numbers = model_->atomic_numbers();
  for (const int64_t z : numbers) known += std::string(known.empty() ? "" : ", ") + SYMBOLS.at(z);
  species_of_type_.assign(ntypes + 1, -1);
  for (int type = 1; type <= ntypes; ++type) {
    const char *symbol = arg[type + 2];
    const int64_t z = atomic_number(symbol);
    if (z == 0)
      error->all(FLERR, "pair_coeff: `{}` is no chemical symbol; write for example Si, and no quotes or numbers",
                 symbol);
    const auto found = std::find(numbers.begin(), numbers.end(), z);
    if (found == numbers.end())
      error->all(FLERR,
                 "pair_coeff: the model {} was not trained on element {}. It knows {}. Train a model with this "
                 "element, or correct the list of elements",
                 arg[2], symbol, known);
    species_of_type_[type] = found - numbers.begin();
  }

  if (!allocated) {
    allocated = 1;
    memory->create(setflag, ntypes + 1, ntypes + 1, "pair:setflag");
    memory->create(cutsq, ntypes + 1, ntypes + 1, "pair:cutsq");
    memory->create(cutghost, ntypes + 1, ntypes + 1, "pair:cutghost");
  }
  for (int i = 1; i <= ntypes; ++i)
    for (int j = 1; j <= ntypes; ++j) setflag[i][j] = 1;
  if (comm->me == 0)
    utils::logmesg(lmp, "pair_style mace: {}, {}, cutoff {} Angstrom, on {}\n", arg[2], model_->dtype(),
                   model_->r_max(), model_->device());
}

void PairMace::refuse_bad_input()
{
  if (std::strcmp(update->unit_style, "metal") != 0)
    error->all(FLERR,
               "pair_style mace computes eV and Angstrom, and the units here are `{}`. Write `units metal` at the top "
               "of the input",
               update->unit_style);
  if (!atom->tag_enable)
    error->all(FLERR, "pair_style mace needs atom IDs. Remove `atom_modify id no` from the input");
  if (atom->nbonds > 0 && (force->special_lj[1] == 0.0 || force->special_lj[2] == 0.0 || force->special_lj[3] == 0.0))
    error->all(FLERR,
               "bonds in the topology hide neighbours that the energy of a MACE depends on. Use atom_style atomic, or "
               "`special_bonds lj 1 1 1`");
}

void PairMace::init_style()
{
  refuse_bad_input();
  candidates_step_ = -1;
  if (!split_) {
    neighbor->add_request(this, NeighConst::REQ_FULL);
    return;
  }
  if (!force->newton_pair)
    error->all(FLERR, "pair_style mace splits a structure over ranks with `newton on` only. Write `newton on`");
  if (comm->mode != Comm::SINGLE)
    error->all(FLERR, "pair_style mace needs one cutoff for all ghosts. Remove `comm_modify mode multi`");
  // An interaction carries an atom's surroundings one cutoff further, so an energy depends on that many cutoffs.
  comm->cutghostuser = std::max(comm->cutghostuser, model_->num_interactions() * model_->r_max() + neighbor->skin);
  neighbor->add_request(this, NeighConst::REQ_FULL | NeighConst::REQ_GHOST);
}

double PairMace::init_one(int i, int j)
{
  cutghost[i][j] = cutghost[j][i] = model_->r_max();
  return model_->r_max();
}

void PairMace::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  if (vflag_atom)
    error->all(FLERR,
               "a deployed MACE gives the global virial only. Remove the compute of per-atom stress (stress/atom, "
               "centroid/stress/atom, heat/flux)");
  if (atom->nlocal == 0) return;
  if (neighbor->ago == 0 || neighbor->lastcall != candidates_step_) find_candidates();

  Answer answer;
  try {
    answer = model_->evaluate(graph(), vflag_global != 0, threads_ > 0 ? threads_ : comm->nthreads);
  } catch (const std::exception &problem) {
    error->one(FLERR, "pair_style mace: the model failed at step {}: {}", update->ntimestep, problem.what());
  }
  check_finite(answer);

  for (std::size_t node = 0; node < order_.size(); ++node) {
    double *const force_on_atom = atom->f[order_[node]];
    for (int k = 0; k < 3; ++k) force_on_atom[k] += answer.forces[3 * node + k];
    if (eflag_atom && node < n_local_) eatom[order_[node]] += answer.node_energy[node];
  }
  const auto energies = answer.node_energy.begin();
  if (eflag_global) eng_vdwl += std::accumulate(energies, energies + static_cast<std::ptrdiff_t>(n_local_), 0.0);
  if (vflag_global) {
    constexpr std::array<int, 6> voigt = {0, 4, 8, 1, 2, 5};    // xx yy zz xy xz yz of the rows
    for (int k = 0; k < 6; ++k) virial[k] += answer.virial[voigt[k]];
  }
}

void PairMace::find_candidates()
{
  if (neighbor->exclude)    // known only once LAMMPS has prepared its lists
    error->all(FLERR,
               "neigh_modify exclude removes neighbours that the energy of a MACE depends on. Remove it from the "
               "input; to hold atoms fixed, leave them out of the integrated group");
  n_local_ = static_cast<std::size_t>(atom->nlocal);
  order_.resize(n_local_);
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(), [this](int a, int b) { return atom->tag[a] < atom->tag[b]; });
  candidates_.clear();
  if (split_)
    find_candidates_among_ghosts();
  else
    find_candidates_by_image();
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate &a, const Candidate &b) {
    return std::tie(a.sender, a.receiver, a.image) < std::tie(b.sender, b.receiver, b.image);
  });
  candidates_step_ = neighbor->lastcall;
}

// Beside a pair style of longer range the list is as long as that one's.
bool PairMace::near(int i, int j) const
{
  const double reach = model_->r_max() + neighbor->skin;
  double distance_squared = 0.0;
  for (int k = 0; k < 3; ++k) distance_squared += (atom->x[i][k] - atom->x[j][k]) * (atom->x[i][k] - atom->x[j][k]);
  return distance_squared <= reach * reach;
}

// What reaches a local atom in as many steps as the model has interactions, and the pairs that carry it there.
void PairMace::find_candidates_among_ghosts()
{
  const int nall = atom->nlocal + atom->nghost;
  std::vector<int> node_of(nall, -1);
  for (std::size_t node = 0; node < n_local_; ++node) node_of[order_[node]] = static_cast<int>(node);
  const auto place = [this](int i) {
    return std::make_tuple(atom->tag[i], atom->x[i][0], atom->x[i][1], atom->x[i][2]);
  };
  std::size_t first = 0;
  for (int interaction = 0; interaction < model_->num_interactions(); ++interaction) {
    const std::size_t end = order_.size();
    for (std::size_t node = first; node < end; ++node) {
      const int i = order_[node];
      for (int jj = 0; jj < list->numneigh[i]; ++jj) {
        const int j = list->firstneigh[i][jj] & NEIGHMASK;
        if (node_of[j] >= 0 || !near(i, j)) continue;
        node_of[j] = 0;
        order_.push_back(j);
      }
    }
    std::sort(order_.begin() + static_cast<std::ptrdiff_t>(end), order_.end(),
              [&place](int a, int b) { return place(a) < place(b); });
    for (std::size_t node = end; node < order_.size(); ++node) node_of[order_[node]] = static_cast<int>(node);
    for (std::size_t node = first; node < end; ++node) {
      const int i = order_[node];
      for (int jj = 0; jj < list->numneigh[i]; ++jj) {
        const int j = list->firstneigh[i][jj] & NEIGHMASK;
        if (near(i, j)) candidates_.push_back({node_of[j], static_cast<int>(node), {0, 0, 0}});
      }
    }
    first = end;
  }
}

// LAMMPS has rebuilt its list: name every neighbour by its owner and image, which stay true until the next rebuild.
void PairMace::find_candidates_by_image()
{
  const int nlocal = atom->nlocal;
  std::unordered_map<tagint, int> node_of_tag;
  node_of_tag.reserve(nlocal);
  for (int node = 0; node < nlocal; ++node) node_of_tag[atom->tag[order_[node]]] = node;

  for (int sender = 0; sender < nlocal; ++sender) {
    const int i = order_[sender];
    for (int jj = 0; jj < list->numneigh[i]; ++jj) {
      const int j = list->firstneigh[i][jj] & NEIGHMASK;
      if (!near(i, j)) continue;
      const auto owner = node_of_tag.find(atom->tag[j]);
      if (owner == node_of_tag.end())
        error->one(FLERR, "pair_style mace: atom {} has no owner on this rank; run LAMMPS on one rank", atom->tag[j]);
      const double *const ghost = atom->x[j], *const owned = atom->x[order_[owner->second]];
      double away[3] = {ghost[0] - owned[0], ghost[1] - owned[1], ghost[2] - owned[2]};
      const int nz = static_cast<int>(std::lround(away[2] / domain->zprd));
      if (domain->triclinic) {
        away[1] -= nz * domain->yz;
        away[0] -= nz * domain->xz;
      }
      const int ny = static_cast<int>(std::lround(away[1] / domain->yprd));
      if (domain->triclinic) away[0] -= ny * domain->xy;
      const int nx = static_cast<int>(std::lround(away[0] / domain->xprd));
      candidates_.push_back({sender, owner->second, {nx, ny, nz}});
    }
  }
}

Graph PairMace::graph() const
{
  Graph graph;
  const std::size_t n = order_.size();
  graph.n_local = static_cast<int64_t>(n_local_);
  graph.species.resize(n);
  graph.positions.resize(3 * n);
  for (std::size_t node = 0; node < n; ++node) {
    const int i = order_[node];
    graph.species[node] = species_of_type_[atom->type[i]];
    std::copy_n(atom->x[i], 3, &graph.positions[3 * node]);
  }
  const bool tilted = domain->triclinic != 0;
  graph.cell = {domain->xprd, 0.0, 0.0,
                tilted ? domain->xy : 0.0, domain->yprd, 0.0,
                tilted ? domain->xz : 0.0, tilted ? domain->yz : 0.0, domain->zprd};

  const double r_max = model_->r_max(), r_max_squared = r_max * r_max;
  graph.sender.reserve(candidates_.size());
  graph.receiver.reserve(candidates_.size());
  graph.image.reserve(3 * candidates_.size());
  graph.shift.reserve(3 * candidates_.size());
  for (const Candidate &pair : candidates_) {
    std::array<double, 3> shift;
    double distance_squared = 0.0;
    for (int k = 0; k < 3; ++k) {
      shift[k] = pair.image[0] * graph.cell[k] + pair.image[1] * graph.cell[3 + k] + pair.image[2] * graph.cell[6 + k];
      const double d = graph.positions[3 * pair.receiver + k] + shift[k] - graph.positions[3 * pair.sender + k];
      distance_squared += d * d;
    }
    if (distance_squared >= r_max_squared) continue;
    graph.sender.push_back(pair.sender);
    graph.receiver.push_back(pair.receiver);
    graph.image.insert(graph.image.end(), pair.image.begin(), pair.image.end());
    graph.shift.insert(graph.shift.end(), shift.begin(), shift.end());
  }
  return graph;
}

void PairMace::check_finite(const Answer &answer) const
{
  for (std::size_t node = 0; node < order_.size(); ++node) {
    const double *const f = &answer.forces[3 * node];
    if (std::isfinite(f[0] + f[1] + f[2]) && std::isfinite(answer.node_energy[node])) continue;
    const double *const x = atom->x[order_[node]];
    error->one(FLERR,
               "pair_style mace: non-finite force or energy on atom {} at step {} (position {:.4f} {:.4f} {:.4f}, force "
               "{} {} {}, energy {}). The structure is far outside of what the model was trained on, or the timestep "
               "is too long",
               atom->tag[order_[node]], update->ntimestep, x[0], x[1], x[2], f[0], f[1], f[2],
               answer.node_energy[node]);
  }
}

}    // namespace molgun

extern "C" void *molgun_create_pair_mace(LAMMPS *lmp)
{
  return new molgun::PairMace(lmp);
}
