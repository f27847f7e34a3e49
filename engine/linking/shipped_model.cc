#include "linking/link_model.h"

namespace undula::linking {

const LinkModel& ShippedModel() {
  static const LinkModel model = [] {
    LinkModel m;
    m.weights[kBias] = -2;
    m.weights[kSameWords] = 3;
    m.weights[kType] = 0.3;
    m.weights[kDegreeLead] = 2;
    return m;
  }();
  return model;
}

}  // namespace undula::linking
