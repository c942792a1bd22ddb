import torch,timm,warnings,time
torch.set_num_threads(1)
for n in "tf_efficientnet_lite0 resnet18 mobilenetv3_small_100 vgg11_bn inception_v3 convnext_tiny vit_tiny_patch16_224 swin_tiny_patch4_window7_224 mobilenetv4_conv_small fastvit_t8 repvgg_a0 regnety_002 densenet121 efficientvit_b0".split():
    try:
        t=time.time()
        m=timm.create_model(n,pretrained=False).eval()
        c=m.pretrained_cfg
        fi=[(f['module'],f['num_chs'],f['reduction']) for f in m.feature_info] if isinstance(m.feature_info,(list,tuple)) else m.feature_info
        print(n, "NF",m.num_features, getattr(m,'head_hidden_size',None), fi if len(fi)<13 else fi[:3]+fi[-1:])
        print({k:c.get(k) for k in ('input_size','interpolation','crop_pct','crop_mode','mean','std','classifier','license','hf_hub_id','pool_size','first_conv','tag','num_classes')})
        has=hasattr(m,'forward_intermediates')
        x=torch.zeros(2,*c['input_size'])
        f=m.forward_features(x); h=m.forward_head(f,pre_logits=True)
        print(has, f.shape,h.shape)
        if has:
            last,inter=m.forward_intermediates(x,norm=False,output_fmt="NCHW")
            print(last.shape,[tuple(i.shape) for i in inter][:13], torch.equal(last,f))
    except Exception as e: print(n,"FAIL",type(e),str(e)[:300])
