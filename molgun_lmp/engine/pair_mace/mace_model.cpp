// SPDX-License-Identifier: GPL-2.0-or-later

#include "mace_model.h"

// Not torch/torch.h and torch/script.h, with which this file takes twice as long to compile.
#include <ATen/Parallel.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include <sys/stat.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace molgun {
namespace {

// libtorch's messages carry a stack trace; the sentence is in the last non-empty line of what TorchScript raised and
// in the first line of everything else.
std::string sentence(const std::exception &error)
{
  const auto *torch_error = dynamic_cast<const c10::Error *>(&error);
  std::string text = torch_error ? torch_error->what_without_backtrace() : error.what();
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  if (text.find("TorchScript interpreter") != std::string::npos) return text.substr(text.rfind('\n') + 1);
  return text.substr(0, text.find('\n'));
}

// One GPU for each rank of a node, in the order in which the launcher counts them.
torch::Device own_gpu()
{
  int local_rank = 0;
  for (const char *name : {"SLURM_LOCALID", "MPI_LOCALRANKID", "PMI_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"})
    if (const char *value = std::getenv(name)) {
      local_rank = std::atoi(value);
      break;
    }
  return torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(local_rank % torch::cuda::device_count()));
}

torch::Device choose_device(const std::string &asked)
{
  if (asked == "cpu") return torch::kCPU;
  const bool available = torch::cuda::is_available();
  if (asked == "auto") return available ? own_gpu() : torch::Device(torch::kCPU);
  if (!available)
    throw std::runtime_error("the device " + asked +
                             " was asked for, and torch finds no GPU here. Write `device auto` or `device cpu`, or "
                             "install torch for CUDA.");
  if (asked == "cuda") return own_gpu();
  const int number = std::atoi(asked.c_str() + std::strlen("cuda:"));
  const int there = static_cast<int>(torch::cuda::device_count());
  if (number >= there)
    throw std::runtime_error("the device " + asked + " was asked for, and torch finds " + std::to_string(there) +
                             " GPU(s), numbered from 0.");
  return torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(number));
}

class TorchScriptModel : public MaceModel {
 public:
  TorchScriptModel(const char *path, const char *device) : device_(choose_device(device))
  {
    try {
      module_ = torch::jit::load(path, device_);
    } catch (const std::exception &error) {
      throw std::runtime_error(std::string(path) +
                               " cannot be read as a TorchScript file: it is cut, or it was saved in another format "
                               "(a .model or ML-IAP file). Deploy the model again with `molgun export` or "
                               "mace_create_lammps_model. libtorch says: " + sentence(error));
    }
    for (const char *name : {"r_max", "atomic_numbers", "num_interactions"})
      if (!module_.hasattr(name))
        throw std::runtime_error(std::string(path) + " is a TorchScript file without `" + name +
                                 "`, so it is no MACE model deployed for LAMMPS. Deploy the model with `molgun "
                                 "export` or mace_create_lammps_model.");
    // Freezing folds the parameters into the graph once, here.
    module_.eval();
    module_ = torch::jit::freeze(module_, std::vector<std::string>{"r_max", "atomic_numbers", "num_interactions"});
    const torch::Tensor cutoff = module_.attr("r_max").toTensor();
    r_max_ = cutoff.item<double>();
    dtype_ = cutoff.scalar_type();
    const c10::IValue layers = module_.attr("num_interactions");
    num_interactions_ = static_cast<int>(layers.isTensor() ? layers.toTensor().item<int64_t>() : layers.toInt());
    const torch::Tensor numbers = module_.attr("atomic_numbers").toTensor().to(torch::kCPU, torch::kInt64).contiguous();
    atomic_numbers_.assign(numbers.data_ptr<int64_t>(), numbers.data_ptr<int64_t>() + numbers.numel());
    device_name_ = device_.str();
  }

  double r_max() const override { return r_max_; }
  int num_interactions() const override { return num_interactions_; }
  const std::vector<int64_t> &atomic_numbers() const override { return atomic_numbers_; }
  const char *device() const override { return device_name_.c_str(); }
  const char *dtype() const override { return dtype_ == torch::kFloat64 ? "float64" : "float32"; }

  Answer evaluate(const Graph &graph, bool want_virial, int threads) override
  {
    // libtorch's OpenMP thread number belongs to the calling thread, so it is set where it is used.
    if (at::get_num_threads() != threads) at::set_num_threads(threads);
    // The profiling executor rewrites the graph after its first calls: they would be slow, and differ in bits from
    // the later ones. The guard holds for this thread alone.
    torch::jit::GraphOptimizerEnabledGuard no_rewriting(false);
    at::AutoGradMode gradients(true);
    try {
      return read(module_.forward({input(graph), local(graph), want_virial}).toGenericDict(), want_virial);
    } catch (const std::exception &error) {
      throw std::runtime_error(sentence(error));
    }
  }

 private:
  torch::Device device_;
  torch::jit::script::Module module_;
  torch::ScalarType dtype_ = torch::kFloat64;
  double r_max_ = 0.0;
  int num_interactions_ = 0;
  std::vector<int64_t> atomic_numbers_;
  std::string device_name_;

  static int64_t atoms(const Graph &graph) { return static_cast<int64_t>(graph.species.size()); }
  static int64_t edges(const Graph &graph) { return static_cast<int64_t>(graph.sender.size()); }

  // 1 for the atoms whose energies count, 0 for ghosts.
  torch::Tensor local(const Graph &graph) const
  {
    torch::Tensor mask = torch::zeros({atoms(graph)}, torch::TensorOptions(dtype_).device(device_));
    mask.narrow(0, 0, graph.n_local).fill_(1.0);
    return mask;
  }

  // A copy on the model's device and in its dtype: the model writes into its input.
  torch::Tensor real(const double *data, torch::IntArrayRef shape) const
  {
    return torch::from_blob(const_cast<double *>(data), shape, torch::kFloat64).to(device_, dtype_, false, true);
  }

  c10::Dict<std::string, torch::Tensor> input(const Graph &graph) const
  {
    const int64_t n = atoms(graph), e = edges(graph);
    const auto integers = torch::TensorOptions(torch::kInt64);

    torch::Tensor edge_index = torch::empty({2, e}, integers);
    std::memcpy(edge_index.data_ptr<int64_t>(), graph.sender.data(), e * sizeof(int64_t));
    std::memcpy(edge_index.data_ptr<int64_t>() + e, graph.receiver.data(), e * sizeof(int64_t));
    const torch::Tensor species =
        torch::from_blob(const_cast<int64_t *>(graph.species.data()), {n, 1}, integers).to(device_);
    torch::Tensor node_attrs = torch::zeros({n, static_cast<int64_t>(atomic_numbers_.size())},
                                            torch::TensorOptions(dtype_).device(device_));
    node_attrs.scatter_(1, species, 1.0);

    c10::Dict<std::string, torch::Tensor> data;
    data.insert("batch", torch::zeros({n}, integers.device(device_)));
    data.insert("ptr", torch::tensor({int64_t{0}, n}, integers).to(device_));
    data.insert("edge_index", edge_index.to(device_));
    data.insert("node_attrs", node_attrs);
    data.insert("positions", real(graph.positions.data(), {n, 3}));
    data.insert("shifts", real(graph.shift.data(), {e, 3}));
    data.insert("unit_shifts", real(graph.image.data(), {e, 3}));
    data.insert("cell", real(graph.cell.data(), {3, 3}));
    return data;
  }

  static Answer read(const c10::impl::GenericDict &output, bool want_virial)
  {
    const auto doubles = [&output](const char *name) {
      return output.at(name).toTensor().detach().to(torch::kCPU, torch::kFloat64).contiguous();
    };
    Answer answer;
    const torch::Tensor energy = doubles("node_energy"), forces = doubles("forces");
    answer.node_energy.assign(energy.data_ptr<double>(), energy.data_ptr<double>() + energy.numel());
    answer.forces.assign(forces.data_ptr<double>(), forces.data_ptr<double>() + forces.numel());
    if (want_virial) {
      const torch::Tensor virial = doubles("virials");
      std::memcpy(answer.virial.data(), virial.data_ptr<double>(), sizeof(answer.virial));
    }
    return answer;
  }
};

struct LoadedFile {
  std::string path, device;
  off_t size = 0;
  timespec changed{};
  std::shared_ptr<MaceModel> model;
};

}    // namespace

std::shared_ptr<MaceModel> MaceModel::load(const char *path, const char *device)
{
  static std::mutex one_at_a_time;
  static LoadedFile last;
  const std::lock_guard<std::mutex> lock(one_at_a_time);

  struct stat now;
  if (stat(path, &now) != 0 || !S_ISREG(now.st_mode))
    throw std::runtime_error(std::string(path) + " is no file that can be read (" + std::strerror(errno) +
                             "). Check the path in the pair_coeff command; it is relative to LAMMPS' working folder.");
  const bool same = last.model && last.path == path && last.device == device && last.size == now.st_size &&
      last.changed.tv_sec == now.st_mtim.tv_sec && last.changed.tv_nsec == now.st_mtim.tv_nsec;
  if (!same) last = {path, device, now.st_size, now.st_mtim, std::make_shared<TorchScriptModel>(path, device)};
  return last.model;
}

}    // namespace molgun
