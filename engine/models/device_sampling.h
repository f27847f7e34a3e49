// An optional side of a model: what it samples before an epoch may be made on the device that
// trains it, with the same results.
#ifndef UNDULA_MODELS_DEVICE_SAMPLING_H_
#define UNDULA_MODELS_DEVICE_SAMPLING_H_

#include "propagation/exec.h"

namespace undula::models {

class DeviceSampling {
 public:
  virtual ~DeviceSampling() = default;
  // For Build and BeginEpoch from now on, on the thread that calls them; null: the CPU. `exec` must
  // stay until another one is given.
  virtual void SampleOn(propagation::Exec* exec) = 0;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_DEVICE_SAMPLING_H_
