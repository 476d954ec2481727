import { Type } from 'class-transformer';
import { IsArray, IsBoolean, IsIn, IsInt, IsObject, IsOptional, IsString, ValidateNested } from 'class-validator';

/** A change of one field, or of a whole broker or subscription. Never a secret. */
export class PlannedChange {
  /** Such as `broker.port` or `subscriptions[new orders].actions`. */
  @IsString()
  path!: string;

  @IsIn(['add', 'change', 'remove'])
  kind!: 'add' | 'change' | 'remove';

  from!: unknown;

  to!: unknown;

  /** Something is lost that the opposite change does not bring back: history, or messages in a broker's session. */
  @IsBoolean()
  destructive!: boolean;
}

export class LeftOverView {
  @IsIn(['broker', 'secret', 'subscription'])
  kind!: 'broker' | 'secret' | 'subscription';

  @IsString()
  name!: string;
}

export class PlannedProductView {
  @IsString()
  slug!: string;

  /** null = it is created. */
  @IsInt()
  @IsOptional()
  product_id!: number | null;

  @IsIn(['create', 'update', 'delete', 'unchanged'])
  action!: 'create' | 'update' | 'delete' | 'unchanged';

  /** Revision that the plan was made from; an apply is refused when the product has another one by then. */
  @IsInt()
  @IsOptional()
  base_revision!: number | null;

  @IsBoolean()
  destructive!: boolean;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => PlannedChange)
  changes!: PlannedChange[];

  /** Secrets without a value on this installation. What needs them fails until they have one. */
  @IsArray()
  @IsString({ each: true })
  missing_secrets!: string[];

  /** Stored and not in the document; `prune` takes them away. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => LeftOverView)
  left_over!: LeftOverView[];
}

export class PlanSummaryView {
  @IsInt()
  create!: number;

  @IsInt()
  update!: number;

  @IsInt()
  delete!: number;

  @IsInt()
  unchanged!: number;

  /** Changes that are destructive, over all products. */
  @IsInt()
  destructive!: number;
}

export class ConfigurationPlanView {
  @IsString()
  plan_id!: string;

  @IsString()
  created_at!: string;

  @IsString()
  expires_at!: string;

  @IsBoolean()
  has_changes!: boolean;

  @ValidateNested()
  @Type(() => PlanSummaryView)
  summary!: PlanSummaryView;

  /** In order of their slugs. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => PlannedProductView)
  products!: PlannedProductView[];
}

export class AppliedProductView {
  @IsString()
  slug!: string;

  @IsInt()
  @IsOptional()
  product_id!: number | null;

  /** `refused`: it was changed since the plan; nothing was written. `failed`: see `error`. */
  @IsIn(['created', 'updated', 'deleted', 'refused', 'failed'])
  outcome!: 'created' | 'updated' | 'deleted' | 'refused' | 'failed';

  @IsInt()
  @IsOptional()
  revision!: number | null;

  /** `none`: no listener runs. `waiting`: not applied within the time. `rejected`: a listener can't apply it, see `error`. */
  @IsIn(['applied', 'waiting', 'rejected', 'none'])
  @IsOptional()
  listeners!: 'applied' | 'waiting' | 'rejected' | 'none' | null;

  @IsString()
  @IsOptional()
  error!: string | null;

  @IsArray()
  @IsString({ each: true })
  missing_secrets!: string[];
}

export class AppliedPlanView {
  @IsString()
  plan_id!: string;

  /** Every product with changes was written. */
  @IsBoolean()
  complete!: boolean;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => AppliedProductView)
  products!: AppliedProductView[];
}

export class ConfigurationExportView {
  /** A document per product, in order of their slugs. */
  @IsArray()
  @IsObject({ each: true })
  documents!: object[];
}

export class ManagedProductDriftView {
  @IsInt()
  product_id!: number;

  @IsString()
  slug!: string;

  @IsString()
  managed_by!: string;

  /** From what was applied last to what is stored now. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => PlannedChange)
  changes!: PlannedChange[];
}
