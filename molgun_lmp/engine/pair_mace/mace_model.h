// A deployed MACE model (TorchScript), seen without libtorch or LAMMPS types.
// SPDX-License-Identifier: GPL-2.0-or-later
//
// Only plain pointers and vectors cross this interface: libtorch and LAMMPS may be built with different
// std::string layouts (_GLIBCXX_USE_CXX11_ABI), and each side is compiled with its own.

#ifndef MOLGUN_MACE_MODEL_H
#define MOLGUN_MACE_MODEL_H

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace molgun {

// One periodic structure as the model reads it, or one rank's part of it with ghosts in place of images. Lengths in
// Angstrom; cell rows are the cell vectors. Edge e points from atom sender[e] to the image of atom receiver[e] that is
// displaced by image[e] cell vectors.
struct Graph {
  std::vector<int64_t> species;    // n: columns of the model's element table
  std::vector<double> positions;   // 3n
  std::vector<int64_t> sender;     // e
  std::vector<int64_t> receiver;   // e
  std::vector<double> image;       // 3e, whole numbers
  std::vector<double> shift;       // 3e, image times cell
  std::array<double, 9> cell{};
  int64_t n_local = 0;             // the first nodes, whose energies count; ghosts follow them
};

// Energies in eV, forces in eV/Angstrom, virial -dE/d(strain) in eV.
struct Answer {
  std::vector<double> node_energy;    // n
  std::vector<double> forces;         // 3n
  std::array<double, 9> virial{};     // zero unless asked for
};

class MaceModel {
 public:
  // The model of a file. Loading takes seconds, so the last file of the process stays loaded and is returned again
  // while its size and time of change are the same. `device` is cpu, cuda, cuda:N or auto: the GPU of this rank, where
  // torch finds one. Throws std::runtime_error in words.
  static std::shared_ptr<MaceModel> load(const char *path, const char *device);

  virtual ~MaceModel() = default;
  virtual double r_max() const = 0;
  virtual int num_interactions() const = 0;
  virtual const std::vector<int64_t> &atomic_numbers() const = 0;
  virtual const char *device() const = 0;
  virtual const char *dtype() const = 0;

  // Throws std::runtime_error when libtorch does.
  virtual Answer evaluate(const Graph &graph, bool want_virial, int threads) = 0;
};

}    // namespace molgun

#endif
