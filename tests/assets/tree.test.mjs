import assert from "node:assert/strict";
import { test } from "node:test";
import { branchTree } from "../../assets/generate/tree.js";

const tokens = (...ids) => ids.map((id) => ({ id }));
const ids = (path) => path.map(({ id }) => id);

test("a branch goes on from its parent's tokens with its own", () => {
  const tree = branchTree(),
    root = tree.add(null, 0, tokens(1, 2, 3)),
    branch = tree.depart(root, 1, { id: 9 });
  assert.deepEqual(ids(tree.path(branch)), [1, 9]);
  assert.deepEqual(ids(tree.path(tree.depart(branch, 2, { id: 8 }))), [1, 9, 8]);
  assert.equal(branch.parent, root);
});

test("taking what is there already makes no branch, and the end of a text just grows", () => {
  const tree = branchTree(),
    root = tree.add(null, 0, tokens(1, 2));
  assert.equal(tree.depart(root, 1, { id: 2 }), root);
  assert.equal(tree.depart(root, 2, { id: 3 }), root);
  assert.deepEqual(ids(tree.path(root)), [1, 2, 3]);
  const branch = tree.depart(root, 1, { id: 9 });
  assert.equal(tree.depart(root, 1, { id: 9 }), branch);
  assert.equal(tree.branches.length, 2);
  assert.equal(tree.find([1, 9]), branch);
  assert.equal(tree.find([9]), null);
});

test("departing at a token of the parent belongs to the parent", () => {
  const tree = branchTree(),
    root = tree.add(null, 0, tokens(1, 2, 3)),
    branch = tree.depart(root, 2, { id: 9 });
  assert.equal(tree.depart(branch, 1, { id: 7 }).parent, root);
  assert.equal(tree.depart(branch, 2, { id: 6 }).parent, root);
});

test("pruning takes all that departs from it; keeping saves what it departs from", () => {
  const build = () => {
    const tree = branchTree(),
      root = tree.add(null, 0, tokens(1, 2, 3, 4)),
      a = tree.depart(root, 1, { id: 9 });
    a.tokens.push(...tokens(8, 7));
    return { tree, root, a, b: tree.depart(a, 2, { id: 6 }), c: tree.depart(root, 3, { id: 5 }) };
  };
  const one = build();
  one.tree.prune(one.a);
  assert.deepEqual(one.tree.branches, [one.root, one.c]);
  const two = build();
  two.b.kept = true;
  two.tree.pruneOthers();
  assert.deepEqual(two.tree.branches, [two.root, two.a, two.b]);
  const three = build();
  assert.deepEqual(three.tree.rows(), [three.root, three.c, three.a, three.b]);
});
