#include "linking/link_model.h"

namespace undula::linking {

// `undula link train` on the artists (dbpedia-lastfm), then from there on the movies
// (dbpedia-ml1m), with the graphs' own nodes and the gold links of shared/data/linking, 30 November
// 2026. These have neither aliases nor columns to agree with: kOfAlias and kAgrees are set by hand.
const LinkModel& ShippedModel() {
  static const LinkModel model = [] {
    LinkModel m;
    m.weights[kBias] = 3.20433;
    m.weights[kSameWords] = 1.16809;
    m.weights[kEdits] = -1.43291;
    m.weights[kFromInner] = 0.0156311;
    m.weights[kFromHead] = -0.621016;
    m.weights[kFromTail] = -0.0313012;
    m.weights[kFromPart] = -0.631889;
    m.weights[kOfHead] = -0.297538;
    m.weights[kOfBare] = -0.61203;
    m.weights[kOfAlias] = -0.5;
    m.weights[kLength] = 0.610643;
    m.weights[kSameYear] = 0.409093;
    m.weights[kNearYear] = -0.00603006;
    m.weights[kOtherYear] = -0.825976;
    m.weights[kType] = 0.149661;
    m.weights[kQualifier] = 0.214817;
    m.weights[kDegree] = -0.423246;
    m.weights[kRank] = -0.392045;
    m.weights[kRivals] = -2.91493;
    m.weights[kDegreeLead] = -0.168349;
    m.weights[kTypeLead] = 0.177773;
    m.weights[kQualifierLead] = 0.0594944;
    m.weights[kYearLead] = 1.57753;
    m.weights[kBest] = 1.49638;
    m.weights[kClaimed] = -2.93465;
    m.weights[kShared] = -1.28922;
    m.weights[kAgrees] = 1;
    m.calibration = {-1.71107, 1.23341, 0.203755};
    return m;
  }();
  return model;
}

}  // namespace undula::linking
