// The options of the one trainer.
#include "models/train/trainer.h"

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(TrainOptions, epochs, kInt, 1, 1e6, "", "passes over the training part"),
    UNDULA_OPTION(TrainOptions, batch_size, kInt, 1, 1e7, "", "rows of the loss per step"),
    UNDULA_OPTION(TrainOptions, chunk, kInt, 1, 1e6, "",
                  "rows of one user that stand together in a batch; 1: plain shuffle"),
    UNDULA_OPTION(TrainOptions, slices, kInt, 1, 1024, "",
                  "parallel parts of a batch; defines the bits, threads do not"),
    UNDULA_OPTION(TrainOptions, optimizer, kChoice, 0, 0, "sgd|adagrad|adam|adamw|lazy_adam",
                  "update rule"),
    UNDULA_OPTION(TrainOptions, learning_rate, kFloat, 0, 1e3, "", "step size"),
    UNDULA_OPTION(TrainOptions, warmup_epochs, kFloat, 0, 1e6, "",
                  "epochs (or a share of one) in which the step size rises from 0"),
    UNDULA_OPTION(TrainOptions, decay, kFloat, 1e-9, 1, "",
                  "the step size falls to this share with every epoch after them"),
    UNDULA_OPTION(TrainOptions, weight_decay, kFloat, 0, 1e3, "", "of the optimizer"),
    UNDULA_OPTION(TrainOptions, momentum, kFloat, 0, 1, "", "of sgd"),
    UNDULA_OPTION(TrainOptions, per_row_steps, kBool, 0, 0, "",
                  "lazy_adam corrects each row's bias by its own number of steps"),
    UNDULA_OPTION(TrainOptions, negatives, kChoice, 0, 0, "uniform|popularity",
                  "how negatives are drawn: for pairwise models, and with fresh_negatives"),
    UNDULA_OPTION(
        TrainOptions, fresh_negatives, kInt, 0, 1000, "",
        "pointwise models: negatives for each positive, drawn anew in every epoch; 0: the "
        "rows of the split"),
    UNDULA_OPTION(TrainOptions, metric, kChoice, 0, 0, "auto|auc|logloss|recall|ndcg|none",
                  "chooses the epoch that is kept, on the validation part"),
    UNDULA_OPTION(TrainOptions, metric_k, kInt, 1, 1e6, "", "K of recall and ndcg"),
    UNDULA_OPTION(TrainOptions, eval_every, kInt, 1, 1e6, "", "epochs between evaluations"),
    UNDULA_OPTION(TrainOptions, patience, kInt, 0, 1e6, "",
                  "evaluations without a better one before stopping; 0: never"),
    UNDULA_OPTION(TrainOptions, checkpoint_epochs, kInt, 0, 1e6, "",
                  "epochs between checkpoints; 0: none"),
    UNDULA_OPTION(TrainOptions, checkpoint_steps, kInt, 0, 1e12, "",
                  "steps between checkpoints; 0: none within epochs"),
    UNDULA_OPTION(TrainOptions, read_ahead, kInt, 0, 1024, "",
                  "batches made ahead on a thread of their own, where there are several threads"),
    UNDULA_OPTION(TrainOptions, replay, kFloat, 0, 1, "",
                  "with --from: share of the rows already trained on that each epoch sees again"),
    UNDULA_OPTION(TrainOptions, new_rows, kChoice, 0, 0, "drawn|fitted",
                  "with --from: how rows of new users and items begin; fitted: from the rows of "
                  "those they met"),
    UNDULA_OPTION(TrainOptions, shrink, kFloat, 0, 1, "",
                  "with --from: the share of their values that old parameters begin with"),
    UNDULA_OPTION(TrainOptions, average, kFloat, 0, 0.999, "",
                  "the model is the running mean of its parameters over the epochs, this share of "
                  "which stays with every epoch; 0: the parameters as they are"),
    UNDULA_OPTION(TrainOptions, graphs, kBool, 0, 0, "",
                  "on a GPU: steps as CUDA graphs; the same results"),
    UNDULA_OPTION(TrainOptions, init_vectors, kString, 0, 0, "",
                  "stored vectors that rows of items and entities start from"),
    UNDULA_OPTION(TrainOptions, freeze_vectors, kBool, 0, 0, "",
                  "the rows from init_vectors do not learn"),
    UNDULA_OPTION(TrainOptions, keep_optimizer, kBool, 0, 0, "",
                  "store the optimizer's state with the model, for train --from"),
    UNDULA_OPTION(TrainOptions, seed, kInt, 0, 9e18, "", "of batches and negatives"),
};
constexpr OptionTable kTable{"train", kFields};

}  // namespace

const OptionTable& TrainOptionTable() { return kTable; }

}  // namespace undula::models
