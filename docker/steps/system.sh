#!/bin/bash
# Debian's or Ubuntu's packages that molgun_lmp needs: Python with venv, and a C++20 compiler for its kernels.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv python3-dev g++ make ca-certificates
rm -rf /var/lib/apt/lists/*
