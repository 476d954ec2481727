import { getMetadataStorage, ValidationTypes } from 'class-validator';
import '../features';

interface Rule {
  type: string;
  propertyName: string;
}

describe('the fields of requests', () => {
  it('are never declared as required where a parent class lets them be absent', () => {
    // class-validator passes the parent's condition on: then an absent field is not checked, whatever the child says.
    const storage = getMetadataStorage() as unknown as { validationMetadatas: Map<{ prototype: object }, Rule[]> };
    const classes = [...storage.validationMetadatas].map(([type, rules]) => ({ type: type as () => void, rules }));
    const mayBeAbsent = (rules: Rule[], field: string) =>
      rules.some(({ type, propertyName }) => propertyName === field && type === ValidationTypes.CONDITIONAL_VALIDATION);
    const shadowed = classes.flatMap((parent) =>
      classes
        .filter(({ type }) => type.prototype instanceof parent.type)
        .flatMap(({ type, rules }) =>
          [...new Set(rules.map(({ propertyName }) => propertyName))]
            .filter((field) => mayBeAbsent(parent.rules, field) && !mayBeAbsent(rules, field))
            .map((field) => `${type.name}.${field}`),
        ),
    );
    expect(classes.length).toBeGreaterThan(100);
    expect(shadowed).toEqual([]);
  });
});
