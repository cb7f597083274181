// pair_style mace: MACE models in LAMMPS, one rank.
// SPDX-License-Identifier: GPL-2.0-or-later

#ifndef MOLGUN_PAIR_MACE_H
#define MOLGUN_PAIR_MACE_H

#include "mace_model.h"

#include "pair.h"

#include <array>
#include <memory>
#include <vector>

namespace molgun {

// A pair within cutoff plus skin: atoms by their place in tag order, and the receiver's image in cell vectors.
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

  std::vector<int> order_;               // local atoms in the order of their tags
  std::vector<Candidate> candidates_;    // sorted, so that sums are taken in the same order whatever LAMMPS sorts
  LAMMPS_NS::bigint candidates_step_ = -1;

  void refuse_bad_input();
  void find_candidates();
  Graph graph() const;
  void check_finite(const Answer &answer) const;
};

}    // namespace molgun

#endif
