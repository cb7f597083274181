// pair_style mace: MACE models in LAMMPS, on one rank or split over several.
// SPDX-License-Identifier: GPL-2.0-or-later

#ifndef MOLGUN_PAIR_MACE_H
#define MOLGUN_PAIR_MACE_H

#include "mace_model.h"

#include "pair.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace molgun {

// A pair within cutoff plus skin: nodes, and the receiver's image in cell vectors (none where ghosts are nodes).
struct Candidate {
  int sender, receiver;
  std::array<int, 3> image;
};

class PairMace : public LAMMPS_NS::Pair {
 public:
  explicit PairMace(LAMMPS_NS::LAMMPS *lmp);
  ~PairMace() override;

  void settings(int narg, char **arg) override;
  void coeff(int narg, char **arg) override;
  void init_style() override;
  double init_one(int i, int j) override;
  void compute(int eflag, int vflag) override;

 private:
  std::shared_ptr<MaceModel> model_;
  std::vector<int64_t> species_of_type_;    // [type], columns of the model's element table
  int threads_ = 0;                         // 0: as LAMMPS, which reads OMP_NUM_THREADS
  std::string device_ = "auto";
  bool split_ = false;    // over ranks: ghosts are nodes, and what acts on them goes home to their owners

  std::vector<int> order_;               // LAMMPS's index of each node: local atoms by their tags, then ghosts
  std::size_t n_local_ = 0;              // nodes that are local
  std::vector<Candidate> candidates_;    // sorted, so that sums are taken in the same order whatever LAMMPS sorts
  LAMMPS_NS::bigint candidates_step_ = -1;

  void refuse_bad_input();
  bool near(int i, int j) const;
  void find_candidates();
  void find_candidates_by_image();
  void find_candidates_among_ghosts();
  Graph graph() const;
  void check_finite(const Answer &answer) const;
};

}    // namespace molgun

#endif
